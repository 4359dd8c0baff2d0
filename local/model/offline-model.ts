/** The only model id of the offline server. Results have it too, so they are not mistaken for Claude's. */
export const OFFLINE_MODEL = 'offline';
