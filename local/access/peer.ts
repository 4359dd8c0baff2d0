import { readdirSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { endianness } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { readProc } from '../../core/processes-in-folder.ts';

/**
 * Whether the peer of a loopback connection is a process of this user that sees the same files, so that it could read the
 * secret's file anyway. Uses /proc. Returns false on other systems than Linux, and in any case of doubt.
 */
export async function isOwnPeer(socket: Socket): Promise<boolean> {
  const user = process.geteuid?.();
  const peer = user === undefined ? undefined : findPeer(socket);
  if (!peer || peer.user !== user) return false;
  const own = { link: `socket:[${peer.inode}]`, user, view: viewOf('self') };
  if (!own.view) return false;
  let looked = 0;
  for (const pid of candidates()) {
    if (holds(pid, own)) {
      remember(pid);
      return true;
    }
    // With thousands of processes this loop must not block other requests.
    if (++looked % 16 === 0) await turn();
  }
  return false;
}

/** Returns the user id of the peer's socket, or undefined if it cannot be determined. */
export function peerUser(socket: Socket): number | undefined {
  return findPeer(socket)?.user;
}

/** Finds the socket with the same two addresses, swapped. A program may use an IPv6 socket for it. */
function findPeer(socket: Socket): { user: number; inode: string } | undefined {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  const near = endpoint(localAddress, localPort);
  const far = endpoint(remoteAddress, remotePort);
  if (!near || !far) return undefined;
  for (const [table, prefix] of [
    ['net/tcp', ''],
    ['net/tcp6', MAPPED],
  ] as const) {
    const pair = ` ${prefix}${far} ${prefix}${near} `;
    const line = readProc(table)
      ?.split('\n')
      .find((line) => line.includes(pair));
    // proc_pid_net(5): sl local remote st tx:rx tr:when retrnsmt uid timeout inode
    const [user, inode] = [7, 9].map((field) => line?.trim().split(/\s+/)[field]);
    // Inode 0: no process holds the socket now.
    if (user !== undefined && inode !== undefined && inode !== '0') return { user: Number(user), inode };
  }
  return undefined;
}

const LITTLE = endianness() === 'LE';
/** ::ffff:0:0/96 as the kernel prints it. */
const MAPPED = LITTLE ? '0000000000000000FFFF0000' : '00000000000000000000FFFF';

function endpoint(address: string | undefined, port: number | undefined): string | undefined {
  const bytes = address?.split('.').map(Number);
  if (bytes?.length !== 4 || port === undefined) return undefined;
  const hex = Buffer.from(LITTLE ? bytes.reverse() : bytes).toString('hex');
  return `${hex}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}

type Own = { link: string; user: number; view: string | undefined };

function holds(pid: number, { link, user, view }: Own): boolean {
  // All four ids, because a setuid program acts for another user.
  const users = /^Uid:\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)$/m.exec(readProc(`${pid}/status`) ?? '');
  if (!users?.slice(1).every((id) => Number(id) === user) || viewOf(pid) !== view) return false;
  return descriptors(pid).some((fd) => linkOf(`${pid}/fd/${fd}`) === link);
}

/** Identifies the files that a process sees: its mount namespace and its root. */
function viewOf(pid: number | 'self'): string | undefined {
  const mounts = linkOf(`${pid}/ns/mnt`);
  const root = linkOf(`${pid}/root`);
  return mounts && root && `${mounts} ${root}`;
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(`/proc/${path}`);
  } catch {
    // The process has ended, or may not be inspected.
    return undefined;
  }
}

function descriptors(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch {
    return [];
  }
}

/** Processes that were found before, which often connect again. The most recent is last. */
const remembered = new Set<number>([process.pid]);
const MAX_REMEMBERED = 64;

function remember(pid: number): void {
  remembered.delete(pid);
  remembered.add(pid);
  if (remembered.size > MAX_REMEMBERED) remembered.delete(remembered.values().next().value!);
}

/** The likeliest processes first: those found before, then the newest. */
function candidates(): number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  const alive = new Set(pids);
  // Most peers are short-lived: git and the command line. Looking at each that has ended costs more than the rest.
  for (const pid of remembered) if (!alive.has(pid)) remembered.delete(pid);
  return [...[...remembered].reverse(), ...pids.reverse().filter((pid) => !remembered.has(pid))];
}
