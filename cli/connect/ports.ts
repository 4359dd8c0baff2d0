/** The ports of `serve`: the API's, and the local GitHub's. */
export const DEFAULT_PORT = 3000;
export const DEFAULT_GITHUB_PORT = DEFAULT_PORT + 4;
