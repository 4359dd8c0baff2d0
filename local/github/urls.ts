/** Where this GitHub listens; every link in its answers starts with one of these. */
export type GitHubUrls = {
  /** Where pages and clones are, as `https://github.example.com` is. */
  url: string;
  /** Where the REST API is: `${url}/api/v3`. */
  apiUrl: string;
};

type Named = { readonly fullName: string };

export const apiUrlOf = ({ apiUrl }: GitHubUrls, { fullName }: Named): string =>
  `${apiUrl}/repos/${fullName}`;

export const htmlUrlOf = ({ url }: GitHubUrls, { fullName }: Named): string => `${url}/${fullName}`;
