import { execFileSync } from 'node:child_process';

/** Builds the programs once a run: end-to-end tests start them as a user would. */
export default function build(): void {
  execFileSync(process.execPath, ['build.mjs'], { stdio: 'inherit' });
}
