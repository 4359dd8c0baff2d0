/** The largest file that tools open and that a change may hold: change sets hold whole files. */
export const MAX_FILE_BYTES = 10 * 1024 * 1024;
