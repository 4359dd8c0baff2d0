declare module 'dynalite' {
  import type { Server } from 'node:http';
  export default function dynalite(options: {
    /** A folder. In memory if it is absent. */
    path?: string;
    createTableMs?: number;
    deleteTableMs?: number;
    updateTableMs?: number;
  }): Server;
}

declare module 'dynalite/db/index.js' {
  /** In DynamoDB's JSON. */
  export type Item = Record<string, { S?: string; N?: string } & Record<string, unknown>>;
  const store: {
    /** Called for every write, before the item itself is put. */
    updateIndexes(
      of: unknown,
      table: { TableName: string },
      before: Item | null | undefined,
      after: Item | null | undefined,
      done: (error?: Error) => void,
    ): void;
  };
  export default store;
}
