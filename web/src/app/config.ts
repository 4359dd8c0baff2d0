/** `/config.json`: what differs between environments, so that one build serves all of them. */
export type Config = {
  /** The environment's name, such as `dev`. */
  environment: string;
  /** The OIDC issuer. Absent if callers do not sign in. */
  issuer?: string;
  /** The client of people at that issuer. */
  clientId?: string;
};

let config: Config = { environment: '' };

export async function loadConfig(): Promise<Config> {
  const response = await fetch('/config.json');
  if (response.ok) config = (await response.json()) as Config;
  return config;
}

export function currentConfig(): Config {
  return config;
}
