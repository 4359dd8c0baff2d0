import { nodeId } from '../accounts/accounts.ts';
import type { Repository } from '../repositories/repository.ts';
import type { LabelRecord } from '../repositories/repository-record.ts';

/** GitHub's labels are equal in any case. */
export const sameLabel = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

export const labelJson = ({ id, ...label }: LabelRecord, url: string): Record<string, unknown> => ({
  id,
  node_id: nodeId('Label', id),
  url: `${url}/labels/${encodeURIComponent(label.name)}`,
  ...label,
  default: false,
});

export const findLabel = ({ record }: Repository, wanted: string): LabelRecord | undefined =>
  record.labels.find((label) => sameLabel(label.name, wanted));

/** The labels of a pull request, in the order in which they were added. */
export const labelsOf = (repository: Repository, names: readonly string[], url: string): object[] =>
  names.flatMap((wanted) => {
    const label = findLabel(repository, wanted);
    return label ? [labelJson(label, url)] : [];
  });
