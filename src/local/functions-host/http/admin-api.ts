import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { versions } from '../app/functions-core.ts';
import { keyOfRequest, opensAdmin, type AccessKeys } from './access-keys.ts';
import { answer, answerJson, type Exchange } from './exchange.ts';

export interface AdminApiOptions {
  readonly keys: AccessKeys;
  readonly functionNames: readonly string[];
  /** Runs a timer function now; false when there is no timer function of that name. */
  readonly runTimer: (name: string) => boolean;
}

/** The part of the host's own API (/admin) that people use on one machine. */
export class AdminApi {
  readonly #options: AdminApiOptions;
  readonly #id = randomUUID();

  constructor(options: AdminApiOptions) {
    this.#options = options;
  }

  serve({ path, url, request, response }: Exchange): void {
    const [, area, name, ...rest] = path.map((segment) => segment.toLowerCase());
    const asked = `${request.method ?? 'GET'} ${area ?? ''} ${name ?? ''}`;
    if (asked === 'GET host ping') {
      answer(response, 200);
      return;
    }
    if (!opensAdmin(this.#options.keys, keyOfRequest(request, url.searchParams))) {
      answer(response, 401);
    } else if (asked === 'GET host status' && rest.length === 0) {
      answerJson(response, 200, this.#status());
    } else if (request.method === 'GET' && area === 'functions' && name === undefined) {
      answerJson(
        response,
        200,
        this.#options.functionNames.map((one) => ({ name: one })),
      );
    } else if (request.method === 'POST' && area === 'functions' && name !== undefined && rest.length === 0) {
      this.#runFunction(name, response);
    } else answer(response, 404);
  }

  #runFunction(name: string, response: Exchange['response']): void {
    if (this.#options.runTimer(name)) answer(response, 202);
    else if (this.#options.functionNames.some((one) => one.toLowerCase() === name)) {
      answer(response, 400, 'Only timer functions can be run by hand on the local Functions host.');
    } else answer(response, 404);
  }

  #status(): unknown {
    return {
      id: this.#id,
      state: 'Running',
      version: versions.host,
      versionDetails: 'failover-streaming local Functions host',
      instanceId: this.#id,
      computerName: hostname(),
      processUptime: Math.round(process.uptime() * 1000),
    };
  }
}
