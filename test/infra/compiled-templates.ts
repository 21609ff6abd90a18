import type { Bicep, Compiled } from './bicep.ts';
import { Workspace, type Snapshot } from './snapshot.ts';

/** The two parameter files as they are, and what else the parameters offer. */
export const names = ['main', 'trial', 'scheduler', 'trafficManager'] as const;
/** Production with a host name of its own. */
export const named = 'named';
export type Name = (typeof names)[number] | typeof named;
/** What a parameter file comes to. */
export type Templates = (name: Name) => Snapshot;

const image = (tag: number): string => `'crfailover.azurecr.io/media-service:${tag}'`;
/** What each of them is made from, and the parameters in which it differs. */
const variants = {
  scheduler: [
    'main',
    {
      edge: "'none'",
      durableEngine: "'DurableTaskScheduler'",
      mediaServiceImageA: image(1),
      mediaServiceImageB: image(2),
      budgetStart: "'2026-02-01'",
      webOrigins: "['https://films.example.com']",
    },
  ],
  trafficManager: [
    'trial',
    {
      edge: "'trafficManager'",
      customDomain: "'films.example.com'",
      certificateSecretUrl: "'https://kv-films.vault.azure.net/secrets/films'",
      mediaServiceImageA: image(1),
      mediaServiceImageB: image(1),
    },
  ],
  [named]: ['main', { customDomain: "'films.example.com'" }],
} as const;
/** Parameters that are not taken. */
const refused = {
  // However it is written.
  same: { locationB: "'West Europe'" },
  unnamed: { edge: "'trafficManager'" },
  uncertified: { edge: "'trafficManager'", customDomain: "'films.example.com'" },
} as const;
export type Refused = keyof typeof refused;

/** infra/ compiled with every set of parameters that the tests look at: once, as each takes the compiler seconds. */
export class CompiledTemplates {
  readonly #workspace: Workspace;
  readonly #snapshots = new Map<string, Snapshot>();
  readonly #refusals = new Map<string, string>();
  readonly built: Compiled;
  readonly linted: Compiled;

  private constructor(workspace: Workspace, built: Compiled, linted: Compiled) {
    this.#workspace = workspace;
    this.built = built;
    this.linted = linted;
  }

  static async compile(bicep: Bicep): Promise<CompiledTemplates> {
    const workspace = await Workspace.create(bicep);
    for (const [name, [from, values]] of Object.entries(variants)) await workspace.derive(name, from, values);
    for (const [name, values] of Object.entries(refused)) await workspace.derive(name, 'main', values);
    const [built, linted] = await Promise.all([
      workspace.compile('build', 'main.bicep', '--stdout'),
      workspace.compile('lint', 'main.bicep'),
    ]);
    const compiled = new CompiledTemplates(workspace, built, linted);
    await compiled.#evaluate();
    return compiled;
  }

  /** Two at a time: the compiler takes a processor each. */
  async #evaluate(): Promise<void> {
    const work = [
      ...[...names, named].map((name) => async () => {
        this.#snapshots.set(name, await this.#workspace.snapshot(name));
      }),
      ...Object.keys(refused).map((name) => async () => {
        this.#refusals.set(name, await refusalOf(this.#workspace, name));
      }),
    ];
    const worker = async (): Promise<void> => {
      for (let next = work.shift(); next !== undefined; next = work.shift()) await next();
    };
    await Promise.all([worker(), worker()]);
  }

  of(name: Name): Snapshot {
    return this.#snapshots.get(name)!;
  }

  /** What the compiler says of parameters that are not taken. */
  refusal(name: Refused): string {
    return this.#refusals.get(name)!;
  }

  async remove(): Promise<void> {
    await this.#workspace.remove();
  }
}

/** Empty when the parameters are taken. */
async function refusalOf(workspace: Workspace, name: string): Promise<string> {
  return workspace.snapshot(name).then(
    () => '',
    (error: unknown) => String(error),
  );
}
