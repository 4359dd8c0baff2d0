import { useMutation } from '@tanstack/react-query';
import { getBlob } from '../api/client.ts';
import { ProblemBox } from './problem.tsx';

/** Saves what the API answers as a file. A plain link would not send who the caller is. */
export function DownloadButton({
  label,
  path,
  fileName,
  disabled,
  title,
}: {
  label: string;
  path: string;
  fileName: string;
  disabled?: boolean;
  title?: string;
}) {
  const load = useMutation({
    mutationFn: async () => {
      const url = URL.createObjectURL(await getBlob(path));
      const link = document.createElement('a');
      link.href = url;
      link.download = fileName;
      link.click();
      // The browser has begun to read it by then.
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    },
  });
  return (
    <>
      <button type="button" disabled={disabled || load.isPending} title={title} onClick={() => load.mutate()}>
        {label}
      </button>
      {load.error && <ProblemBox error={load.error} />}
    </>
  );
}
