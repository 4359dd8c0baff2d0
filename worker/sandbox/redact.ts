const REDACTED = '[redacted]';

/** Replaces known secrets wherever text of ours is about to be stored, printed or shown to the model. */
export class Redactor {
  /** The longest first: a short form inside a long one would leave the rest of it behind. */
  #secrets: string[] = [];
  /** The same, and UTF-16, which no text of ours is in, as bytes. */
  #patterns: Buffer[] = [];

  /** From here on `secret` is replaced, and so are the forms that a text of ours or of git's may hold it in. */
  add(secret: string | undefined): void {
    // Anything shorter is no credential, and replacing it would garble ordinary words.
    const trimmed = secret?.trim();
    if (!secret || !trimmed || trimmed.length < 8) return;
    this.#addForms(trimmed);
    // As a file or a paste may hold it, with the line's end.
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

  /** Characters of the longest form: a text that was cut may end in fewer of them. */
  get longest(): number {
    return this.#secrets[0]?.length ?? 0;
  }

  text(text: string): string {
    let redacted = text;
    for (const secret of this.#secrets) redacted = redacted.replaceAll(secret, REDACTED);
    return redacted;
  }

  /** For text that need not be UTF-8. */
  bytes(bytes: Buffer): Buffer {
    if (!this.isIn(bytes)) return bytes;
    return Buffer.from(this.text(bytes.toString('latin1')), 'latin1');
  }

  isIn(bytes: Buffer): boolean {
    return this.#patterns.some((pattern) => bytes.includes(pattern));
  }

  /** Bytes of the longest form: one that lies across two pieces has fewer of them in each. */
  get longestBytes(): number {
    return Math.max(0, ...this.#patterns.map((pattern) => pattern.length));
  }
}

/** What base64 makes of a text that holds the secret, whichever of its three alignments the secret has there. */
function base64Forms(secret: string): string[] {
  return [0, 1, 2].map((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]);
    // Without the characters that hold bits of what stands before or after.
    const whole = bytes.subarray(0, bytes.length - (bytes.length % 3)).toString('base64');
    return whole.slice(before === 0 ? 0 : 4);
  });
}
