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
