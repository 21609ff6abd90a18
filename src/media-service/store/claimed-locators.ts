import { guidOf, type AssetId } from '../model.ts';
import type { AssetPartitions } from './asset-partition.ts';
import { idTaken, LocatorClaims, type LocatorClaim } from './locator-claims.ts';
import {
  guidOfRow,
  locatorRows,
  locatorsPerAsset,
  rowKeyOf,
  tooMany,
  type LocatorProperties,
  type LocatorRow,
} from './locator-rows.ts';
import type { Table } from './table.ts';

export interface FoundLocator {
  readonly assetGuid: string;
  readonly row: LocatorRow;
  /** The guid of its asset's primary file. */
  readonly primaryFile: string | undefined;
}

/**
 * Locators' rows live in their asset's partition. A locator's id is unique over all assets: whoever creates one first
 * claims the id (`LocatorClaims`), writes the locator with that claim, and looks whether the claim is still his. A
 * locator counts only under the current claim on its id, so of two creates at once exactly one succeeds.
 */
export class ClaimedLocators {
  readonly #partitions: AssetPartitions;
  readonly #claims: LocatorClaims;

  constructor(partitions: AssetPartitions, claims: Table) {
    this.#partitions = partitions;
    this.#claims = new LocatorClaims(
      claims,
      async (guid, claim) => (await this.#rowUnder(guid, claim)) !== undefined,
    );
  }

  /** Takes an id for a locator about to be written. @throws StoreRefusal when another locator has it */
  async claim(guid: string, claim: LocatorClaim): Promise<void> {
    await this.#claims.take(guid, claim);
  }

  /** Whether that claim still holds the id. */
  async isCurrent(guid: string, claim: string): Promise<boolean> {
    return (await this.#claims.of(guid))?.Claim === claim;
  }

  /** Frees an id, if that claim still holds it. */
  async release(guid: string, claim: string): Promise<void> {
    await this.#claims.release(guid, claim);
  }

  /** The rows of an asset's locators, with those of broken-off creates. */
  async all(assetGuid: string): Promise<LocatorRow[]> {
    return this.#partitions.table.all<LocatorProperties>(assetGuid, locatorRows);
  }

  /**
   * Writes the row of a locator whose id was claimed.
   * @throws StoreRefusal when the asset has as many locators as it can have, or is gone
   */
  async insert(assetId: AssetId, guid: string, properties: LocatorProperties): Promise<void> {
    const assetGuid = guidOf(assetId);
    await this.#partitions.change(assetId, async () => {
      const rows = await this.all(assetGuid);
      const own = rows.find((row) => row.rowKey === rowKeyOf(guid));
      if (own?.Claim === properties.Claim) return { unchanged: true, result: undefined };
      const crowded = rows.length >= locatorsPerAsset || own !== undefined;
      const live = crowded ? await this.of(assetGuid) : rows;
      if (live.some((row) => row.rowKey === rowKeyOf(guid))) throw idTaken(guid);
      if (live.length >= locatorsPerAsset) throw tooMany(assetId);
      const entity = { partitionKey: assetGuid, rowKey: rowKeyOf(guid), ...properties };
      return { actions: [['upsert', entity, 'Replace']], result: undefined };
    });
  }

  /** Removes a locator's row if it is still the one written under that claim. */
  async remove(assetId: AssetId, guid: string, claim: string): Promise<void> {
    await this.#partitions.change(assetId, async () => {
      const row = await this.#partitions.table.get<LocatorProperties>(guidOf(assetId), rowKeyOf(guid));
      if (row?.Claim !== claim) return { unchanged: true, result: undefined };
      const { partitionKey, rowKey } = row;
      return { actions: [['delete', { partitionKey, rowKey }]], result: undefined };
    });
  }

  /** The asset's locators that hold the current claim on their id; rows of broken-off creates do not. */
  async of(assetGuid: string): Promise<LocatorRow[]> {
    const rows = await this.all(assetGuid);
    const claims = await Promise.all(rows.map((row) => this.#claims.of(guidOfRow(row))));
    return rows.filter((row, position) => claims[position]?.Claim === row.Claim);
  }

  /** A locator by its guid alone. */
  async find(guid: string): Promise<FoundLocator | undefined> {
    const claim = await this.#claims.of(guid);
    if (claim === undefined) return undefined;
    const found = await this.#rowUnder(guid, claim);
    return found === undefined ? undefined : { assetGuid: claim.AssetGuid, ...found };
  }

  async #rowUnder(
    guid: string,
    claim: LocatorClaim,
  ): Promise<{ readonly row: LocatorRow; readonly primaryFile: string | undefined } | undefined> {
    const [asset, row] = await Promise.all([
      this.#partitions.read(claim.AssetGuid),
      this.#partitions.table.get<LocatorProperties>(claim.AssetGuid, rowKeyOf(guid)),
    ]);
    if (asset === undefined || row?.Claim !== claim.Claim) return undefined;
    return { row, primaryFile: asset.PrimaryFile };
  }
}
