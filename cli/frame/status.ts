let status = 0;

/** The exit status of the command that runs. */
export function exitStatus(): number {
  return status;
}

export function setStatus(value: number): void {
  status = value;
}
