/** The ports at which the command line waits for the browser at a sign-in. An issuer admits only addresses that it knows. */
const SIGN_IN_PORTS = [52_817, 52_818, 52_819] as const;

/** Cognito admits plain HTTP for this host alone. */
export const SIGN_IN_ADDRESSES: readonly string[] = SIGN_IN_PORTS.map(
  (port) => `http://localhost:${port}/callback`,
);
