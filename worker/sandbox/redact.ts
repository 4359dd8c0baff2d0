const REDACTED = '[redacted]';

/** Replaces known secrets in text that is stored, printed or shown to the model. */
export class Redactor {
  /** The longest first: to replace a short form inside a long one would leave the rest of the long one. */
  #secrets: string[] = [];
  /** The same forms as bytes, and the secrets in UTF-16, which only files can have. */
  #patterns: Buffer[] = [];

  /** Adds a secret, and its forms in JSON, URLs, base64 and git's headers. */
  add(secret: string | undefined): void {
    // A shorter text is not a credential, and to replace it would garble ordinary words.
    const trimmed = secret?.trim();
    if (!secret || !trimmed || trimmed.length < 8) return;
    this.#addForms(trimmed);
    // Stored secrets may have a line feed at the end.
    if (trimmed !== secret) this.#addForms(secret);
  }

  #addForms(secret: string): void {
    const inJson = JSON.stringify(secret).slice(1, -1);
    const inHeader = Buffer.from(`x-access-token:${secret}`).toString('base64');
    const forms = [secret, inJson, encodeURIComponent(secret), inHeader, ...base64Forms(secret)];
    this.#secrets = [...new Set([...this.#secrets, ...forms])].sort((a, b) => b.length - a.length);
    const wide = Buffer.from(secret, 'utf16le');
    this.#patterns.push(...forms.map((form) => Buffer.from(form)), wide, Buffer.from(wide).swap16());
  }

  /** Characters of the longest form: a cut text may end with all but one of them. */
  get longest(): number {
    return this.#secrets[0]?.length ?? 0;
  }

  text(text: string): string {
    let redacted = text;
    for (const secret of this.#secrets) redacted = redacted.replaceAll(secret, REDACTED);
    return redacted;
  }

  /** Redacts text that need not be UTF-8. */
  bytes(bytes: Buffer): Buffer {
    if (!this.isIn(bytes)) return bytes;
    return Buffer.from(this.text(bytes.toString('latin1')), 'latin1');
  }

  isIn(bytes: Buffer): boolean {
    return this.#patterns.some((pattern) => bytes.includes(pattern));
  }

  /** Number of forms that are searched for: it grows with each new secret. */
  get forms(): number {
    return this.#patterns.length;
  }

  /** Bytes of the longest form: two pieces of a file must overlap by this to find a secret across them. */
  get longestBytes(): number {
    return Math.max(0, ...this.#patterns.map((pattern) => pattern.length));
  }
}

/**
 * Returns the base64 of the secret inside a longer text, for each of the three alignments that it can have.
 */
function base64Forms(secret: string): string[] {
  return [0, 1, 2].map((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]);
    // Without the characters that also encode bits of the text before or after.
    const whole = bytes.subarray(0, bytes.length - (bytes.length % 3)).toString('base64');
    return whole.slice(before === 0 ? 0 : 4);
  });
}
