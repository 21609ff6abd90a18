/**
 * Versions of orchestrations, as host.json sets them: an instance keeps the one that it was started with, and a host
 * leaves instances alone whose version its code does not know.
 */
export interface Versioning {
  /** Of what is started without one; undefined: it has none. */
  readonly defaultVersion: string | undefined;
  /** Which instances this host runs: all, those of its own version, or (the default) those and older ones. */
  readonly match: 'None' | 'Strict' | 'CurrentOrOlder';
  /** What becomes of the others: they wait for a host that runs them, or fail. */
  readonly failure: 'Reject' | 'Fail';
}

/** Whether this host runs instances of a version. */
export function runsVersion({ match, defaultVersion }: Versioning, version: string | undefined): boolean {
  switch (match) {
    case 'None':
      return true;
    case 'Strict':
      return (version ?? '') === (defaultVersion ?? '');
    case 'CurrentOrOlder':
      return compareVersions(version ?? '', defaultVersion ?? '') <= 0;
  }
}

/** Numbers with dots by their numbers, anything else as text without regard to case; none is before every one. */
function compareVersions(one: string, other: string): number {
  const numbered = /^\d+(\.\d+){1,3}$/;
  if (!numbered.test(one) || !numbered.test(other)) {
    const [left, right] = [one.toLowerCase(), other.toLowerCase()];
    return left < right ? -1 : left > right ? 1 : 0;
  }
  const [left, right] = [one.split('.').map(Number), other.split('.').map(Number)];
  for (let part = 0; part < 4; part++) {
    // A part that is not there is before 0, as in .NET's System.Version.
    const difference = (left[part] ?? -1) - (right[part] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}
