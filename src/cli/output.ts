/**
 * Keeps a program running when nobody reads its output any more (`failover list | head -1`, a closed terminal). Output
 * that cannot be written for another reason, such as a full disk, ends it: with the exit code 1.
 */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' || error.code === 'EIO') return;
      process.stderr.write(`error: The output cannot be written (${error.code ?? error.message}).\n`);
      process.exit(1);
    });
  }
}
