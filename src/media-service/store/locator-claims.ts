import { setTimeout as sleep } from 'node:timers/promises';
import { idOf } from '../model.ts';
import { conflict, contention } from './errors.ts';
import { RowConflictError, type Stored, type Table } from './table.ts';

/** Who holds a locator's id, and in which asset: at most one for each id, whatever the asset. */
export interface LocatorClaim {
  /** Made up by whoever claims. */
  readonly Claim: string;
  readonly AssetGuid: string;
}

const rowKey = 'claim';
/** A claim without its locator for so long belongs to a writer that broke off: the id is free again. */
const claimMilliseconds = 10_000;
const lookAgainMilliseconds = 50;

/** The claims on locator ids: what finds a locator by its guid alone, and keeps an id from being given twice. */
export class LocatorClaims {
  readonly #table: Table;
  readonly #isHeld: (guid: string, claim: LocatorClaim) => Promise<boolean>;

  /** `isHeld` tells whether the locator was written that a claim was for. */
  constructor(table: Table, isHeld: (guid: string, claim: LocatorClaim) => Promise<boolean>) {
    this.#table = table;
    this.#isHeld = isHeld;
  }

  async of(guid: string): Promise<Stored<LocatorClaim> | undefined> {
    return this.#table.get<LocatorClaim>(partitionOf(guid), rowKey);
  }

  /** Takes an id for a locator about to be written. @throws StoreRefusal when another locator has it */
  async take(guid: string, claim: LocatorClaim): Promise<void> {
    const key = { partitionKey: partitionOf(guid), rowKey };
    const deadline = Date.now() + claimMilliseconds;
    for (;;) {
      if (await succeeds(this.#table.insert({ ...key, ...claim }))) return;
      const held = await this.of(guid);
      if (held === undefined) continue;
      // Ours: the answer to the insert was lost, and it was sent again.
      if (held.Claim === claim.Claim) return;
      if (await this.#isHeld(guid, held)) throw idTaken(guid);
      const abandoned = Date.now() - Date.parse(held.timestamp) > claimMilliseconds;
      if (abandoned && (await succeeds(this.#table.update({ ...key, ...claim }, held.etag)))) return;
      if (Date.now() > deadline) throw contention(`locator ${guid}`);
      await sleep(lookAgainMilliseconds);
    }
  }

  /** Frees an id, if that claim still holds it. */
  async release(guid: string, claim: string): Promise<void> {
    const held = await this.of(guid);
    if (held?.Claim === claim) await this.#table.delete(held);
  }
}

async function succeeds(write: Promise<void>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof RowConflictError) return false;
    throw error;
  }
}

const partitionOf = (guid: string): string => `locator:${guid}`;

export const idTaken = (guid: string): Error =>
  conflict(`A locator ${idOf('Locator', guid)} exists already.`);
