import { useQuery } from '@tanstack/react-query';
import { meQuery } from './queries.ts';
import type { Me } from './types.ts';

/** Whether the caller has the role, as far as is known yet. What a role may not do is not offered. */
export function useHasRole(role: Me['roles'][number]): boolean {
  return useQuery(meQuery).data?.roles.includes(role) ?? false;
}
