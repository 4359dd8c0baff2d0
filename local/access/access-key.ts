/** The access key of the local AWS, the same for all users. Only the secret identifies the user. */
export const ACCESS_KEY_ID = 'local';
