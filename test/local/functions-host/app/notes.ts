import { appendFile } from 'node:fs/promises';

/** Writes down that something has run, where the test reads it: NOTES_FILE, a JSON line each. */
export async function note(what: string, details: object): Promise<void> {
  const file = process.env['NOTES_FILE'];
  if (file === undefined) throw new Error('NOTES_FILE is not set');
  await appendFile(file, `${JSON.stringify({ what, at: Date.now(), pid: process.pid, ...details })}\n`);
}
