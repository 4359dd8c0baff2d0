import { pathOf } from '../../api/client.ts';
import { count } from '../../text/format.ts';
import { DownloadButton } from '../../ui/download-button.tsx';

/** As many patches are in one archive. */
const MAX_PATCHES = 5000;
/** A longer address is refused on the way. */
const MAX_NAMES_LENGTH = 6000;

/** The patches of some repositories as archives: of a shape, of these names, or of the whole job. */
export function Patches({
  jobId,
  names,
  of,
}: {
  jobId: string;
  names: readonly string[];
  of: { shape: string } | 'these' | 'job';
}) {
  const sorted = [...names].sort();
  const repositories = of === 'these' ? sorted.join(',') : undefined;
  const isTooLong = repositories !== undefined && repositories.length > MAX_NAMES_LENGTH;
  const filter = { repositories, ...(typeof of === 'object' && of) };
  const parts = Math.max(1, Math.ceil(names.length / MAX_PATCHES));
  return Array.from({ length: parts }, (_, part) => (
    <DownloadButton
      // biome-ignore lint/suspicious/noArrayIndexKey: parts keep their order.
      key={part}
      label={`Patches (${count(names.length)}) .zip${parts > 1 ? `, part ${part + 1}` : ''}`}
      fileName={`${jobId}-patches${parts > 1 ? `-${part + 1}` : ''}.zip`}
      disabled={names.length === 0 || isTooLong}
      {...(isTooLong && {
        title: 'Take the patches of a shape or of the whole job: so many names are too long for one request.',
      })}
      path={pathOf(`/jobs/${jobId}/patches.zip`, {
        ...filter,
        limit: MAX_PATCHES,
        cursor: part === 0 ? undefined : sorted[part * MAX_PATCHES - 1],
      })}
    />
  ));
}
