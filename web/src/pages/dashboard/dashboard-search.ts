/** `days`: the period of the figures. */
export type DashboardSearch = { days?: number };

export function dashboardSearch(search: Record<string, unknown>): DashboardSearch {
  const days = Number(search.days);
  return { days: [7, 30, 90].includes(days) ? days : undefined };
}
