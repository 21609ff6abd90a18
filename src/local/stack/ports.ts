import { once } from 'node:events';
import { createServer } from 'node:net';
import type { PortName, StackSettings } from './settings.ts';

/** The port if it is free on 127.0.0.1, else another one that is. */
export async function freePort(wanted: number): Promise<number> {
  const server = createServer();
  try {
    server.listen(wanted, '127.0.0.1');
    await once(server, 'listening');
  } catch {
    return await freePort(0);
  }
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : wanted;
}

/** The ports of a stack: each stays what it was at the last start, as long as it is free. */
export class Ports {
  readonly #known: Readonly<StackSettings['ports']>;
  readonly #fresh: boolean;
  readonly #notice: (text: string) => void;

  /** @param fresh nobody knows these ports yet: another one is no surprise */
  constructor(known: StackSettings['ports'], fresh: boolean, notice: (text: string) => void) {
    this.#known = known;
    this.#fresh = fresh;
    this.#notice = notice;
  }

  /** A port that is free now; it is said when it is not the known one. */
  async claim(name: PortName): Promise<number> {
    const wanted = this.#known[name];
    const port = await freePort(wanted);
    if (port !== wanted && !this.#fresh) {
      this.#notice(`Port ${wanted} (${name}) is taken by another program; using ${port} instead.`);
    }
    return port;
  }
}
