const REDACTED = '[redacted]';

/** Replaces known secrets wherever text of ours is about to be stored, printed or shown to the model. */
export class Redactor {
  readonly #secrets: string[] = [];

  /** From here on `secret` is replaced, and so is its form in an Authorization header of git. */
  add(secret: string | undefined): void {
    // Anything shorter is no credential, and replacing it would garble ordinary words.
    if (!secret || secret.length < 8) return;
    this.#secrets.push(secret, Buffer.from(`x-access-token:${secret}`).toString('base64'));
  }

  text(text: string): string {
    return this.#secrets.reduce((redacted, secret) => redacted.replaceAll(secret, REDACTED), text);
  }

  /** For text that need not be UTF-8. */
  bytes(bytes: Buffer): Buffer {
    if (!this.isIn(bytes)) return bytes;
    return Buffer.from(this.text(bytes.toString('latin1')), 'latin1');
  }

  isIn(bytes: Buffer): boolean {
    return this.#secrets.some((secret) => bytes.includes(secret));
  }
}
