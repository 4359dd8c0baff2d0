import { nodeId } from '../accounts/accounts.ts';
import { sameName } from '../names.ts';
import type { Repository } from '../repositories/repository.ts';
import type { LabelRecord } from '../repositories/repository-record.ts';

export const labelJson = ({ id, ...label }: LabelRecord, url: string): Record<string, unknown> => ({
  id,
  node_id: nodeId('Label', id),
  url: `${url}/labels/${encodeURIComponent(label.name)}`,
  ...label,
  default: false,
});

export const findLabel = ({ record }: Repository, wanted: string): LabelRecord | undefined =>
  record.labels.find((label) => sameName(label.name, wanted));

/** The labels of a pull request, in the order in which they were added. */
export const labelsOf = (repository: Repository, names: readonly string[], url: string): object[] =>
  names.flatMap((wanted) => {
    const label = findLabel(repository, wanted);
    return label ? [labelJson(label, url)] : [];
  });
