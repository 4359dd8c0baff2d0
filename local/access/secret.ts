import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SettingsError } from '../../core/errors.ts';
import { requireOwn } from '../own-file.ts';

/** 32 bytes in base64url, which needs no escaping in a header, a shell variable or a URL. */
const BYTES = 32;
const SHAPE = /^[A-Za-z0-9_-]{43}$/;

/** The file with the secret of a data folder's stack. Only its owner can read it. */
export function secretFile(dataFolder: string): string {
  return path.join(dataFolder, 'secret');
}

/** Returns the secret of a data folder, and makes it the first time. Only for the process that has taken the folder. */
export function ensureSecret(dataFolder: string): string {
  const found = readSecret(dataFolder);
  if (found) return found;
  const secret = randomBytes(BYTES).toString('base64url');
  const file = secretFile(dataFolder);
  const temporary = `${file}.${process.pid}.tmp`;
  const descriptor = openSync(temporary, 'w', 0o600);
  try {
    writeFileSync(descriptor, `${secret}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, file);
  return secret;
}

/** Returns undefined if the folder has no secret yet. Throws SettingsError if the file is another user's, or damaged. */
export function readSecret(dataFolder: string): string | undefined {
  const file = secretFile(dataFolder);
  requireOwn(file);
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new SettingsError(
      `${file} cannot be read: ${(error as Error).message}. Make it readable for yourself, or remove it.`,
      { cause: error },
    );
  }
  if (SHAPE.test(text)) return text;
  throw new SettingsError(
    `${file} is damaged: it has ${text.length} characters; expected 43 of base64url. Remove it; the next start makes a new one.`,
  );
}
