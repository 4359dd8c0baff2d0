/** What a client of the emulated AWS services needs beside its endpoint. The services accept any credentials of this form. */
export const LOCAL_AWS = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
};
