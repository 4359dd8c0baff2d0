import type { CredentialProvider } from '../worker-credentials.ts';

/** Stores large documents: S3 on AWS, a directory on one machine. Keys are S3 keys: `jobs/{jobId}/…`. */
export interface ArtifactStore {
  /** Returns undefined if there is none. Throws DamagedArtifactError if it is larger than any artifact of its kind. */
  read(key: string): Promise<Buffer | undefined>;
  /** Replaces the artifact atomically: a reader gets the old bytes or the new ones. */
  write(key: string, body: string | Uint8Array, options?: WriteOptions): Promise<void>;
  /** A URL from which anyone may read the artifact for `seconds`: absolute in S3, a path of the API on one machine. */
  signedUrl(key: string, options: SignedUrlOptions): Promise<string>;
  /** Removes everything below `prefix`, which ends in `/`. */
  removeAll(prefix: string): Promise<void>;
}

export type WriteOptions = {
  contentType?: string;
  /** Stores the bytes without gzip, because Step Functions reads them and does not decompress. */
  plain?: boolean;
  /** Returns only after the bytes would survive a power loss, for data that costs money to make again. S3 always does. */
  durable?: boolean;
};

export type SignedUrlOptions = {
  seconds: number;
  /** The name that a browser saves it under. Only letters, digits and `._-`. */
  fileName: string;
};

export type StoreOptions = {
  /**
   * Signs URLs of artifacts in a folder.
   * @default - it has no signed URLs
   */
  signingKey?: string | undefined;
  /**
   * Whether this process may list the bucket. S3 answers 403 for a missing object to one that may not, which is then
   * read as missing.
   * @default true
   */
  mayList?: boolean;
  /**
   * For the client of S3.
   * @default - the credentials that the SDK finds
   */
  credentials?: CredentialProvider | undefined;
};
