import { randomUUID } from 'node:crypto';
import type { BlobServiceClient } from '@azure/storage-blob';
import {
  containerOf,
  guidOf,
  idOf,
  LocatorType,
  type AccessPolicy,
  type AssetId,
  type Locator,
  type LocatorId,
} from '../model.ts';
import type { AssetPartitions } from './asset-partition.ts';
import { conflict, invalid, notFound, statusOf } from './errors.ts';
import { timeOf, timeOrderedGuid } from './guids.ts';
import { ClaimedLocators } from './claimed-locators.ts';
import { idTaken } from './locator-claims.ts';
import {
  checkType,
  grantOf,
  guidOfRow,
  laterBy,
  locatorRows,
  locatorsPerAsset,
  rowKeyOf,
  tooMany,
  type LocatorProperties,
  type LocatorRow,
  type NewLocator,
} from './locator-rows.ts';
import { scanRows, type Scan } from './scan.ts';
import type { SasSigner } from './sas-signer.ts';
import { orNull, type Table } from './table.ts';

export interface LocatorUpdate {
  readonly name?: string | null;
  readonly startTime?: Date | null;
  readonly expirationDateTime?: Date;
}

/** An origin locator as the origin needs it, whatever its times say. */
export interface OriginLocator {
  readonly assetId: AssetId;
  readonly starts: Date | undefined;
  readonly expires: Date;
  readonly primaryFile: string | undefined;
}

/** A sample looks at about so many locators at most, twice. */
const sampleReads = 100;

/** The locators of all assets: creating, changing and deleting them, with the SAS they give. */
export class Locators {
  readonly #partitions: AssetPartitions;
  readonly #rows: ClaimedLocators;
  readonly #signer: SasSigner;
  readonly #blobs: BlobServiceClient;
  readonly #streamingBase: () => string;

  constructor(parts: {
    readonly partitions: AssetPartitions;
    readonly claims: Table;
    readonly signer: SasSigner;
    readonly blobs: BlobServiceClient;
    /** The streaming endpoint's public base URL, with a slash at its end. */
    readonly streamingBase: () => string;
  }) {
    this.#partitions = parts.partitions;
    this.#rows = new ClaimedLocators(parts.partitions, parts.claims);
    this.#signer = parts.signer;
    this.#blobs = parts.blobs;
    this.#streamingBase = parts.streamingBase;
  }

  /** @throws StoreRefusal for a sixth locator, a taken id, a type or permissions that do not go together */
  async create(locator: NewLocator): Promise<Locator> {
    const type = checkType(locator);
    const guid = locator.id === undefined ? randomUUID() : guidOf(locator.id);
    const created = new Date();
    const from = locator.startTime ?? created;
    const row: LocatorProperties = {
      Claim: randomUUID(),
      Type: type,
      AccessPolicyId: locator.accessPolicy.Id,
      Permissions: locator.accessPolicy.Permissions,
      ExpirationDateTime: laterBy(from, locator.accessPolicy.DurationInMinutes),
      Created: created,
      ...(typeof locator.name === 'string' && { Name: locator.name }),
      ...(locator.startTime instanceof Date && { StartTime: locator.startTime }),
    };
    const { assetId } = locator;
    if ((await this.#partitions.read(guidOf(assetId))) === undefined) throw notFound(`Assets('${assetId}')`);
    await this.#rows.claim(guid, { Claim: row.Claim, AssetGuid: guidOf(assetId) });
    try {
      if (type === LocatorType.Sas) await this.#insertGranted(assetId, guid, row);
      else await this.#rows.insert(assetId, guid, row);
    } catch (error) {
      await this.#rows.release(guid, row.Claim).catch(() => undefined);
      throw error;
    }
    if (!(await this.#rows.isCurrent(guid, row.Claim))) {
      await this.#rows.remove(assetId, guid, row.Claim);
      throw idTaken(guid);
    }
    return this.#locatorOf(guidOf(assetId), guid, row);
  }

  async get(id: LocatorId): Promise<Locator | undefined> {
    const guid = guidOf(id);
    const found = await this.#rows.find(guid);
    return found === undefined ? undefined : this.#locatorOf(found.assetGuid, guid, found.row);
  }

  /** The locators of one asset, or (a scan of every asset) all. */
  scan(assetId: AssetId | undefined): Scan<Locator> {
    if (assetId === undefined) {
      return scanRows(this.#partitions.table, locatorRows, async (row: LocatorRow) => {
        const guid = guidOfRow(row);
        if (!(await this.#rows.isCurrent(guid, row.Claim))) return undefined;
        return this.#locatorOf(row.partitionKey, guid, row);
      });
    }
    const assetGuid = guidOf(assetId);
    const live = (): Promise<LocatorRow[]> => this.#rows.of(assetGuid);
    const locatorOf = (row: LocatorRow): Promise<Locator> => this.#locatorOf(assetGuid, guidOfRow(row), row);
    return async function* (after) {
      const rows = (await live()).filter(({ rowKey }) => after === undefined || rowKey > after);
      yield await Promise.all(rows.map(async (row) => ({ key: row.rowKey, value: await locatorOf(row) })));
    };
  }

  /** Changes an origin locator; a SAS locator never changes, for its SAS is out. */
  async update(id: LocatorId, update: LocatorUpdate): Promise<void> {
    const guid = guidOf(id);
    const found = await this.#rows.find(guid);
    if (found === undefined) throw notFound(`Locators('${id}')`);
    if (found.row.Type !== LocatorType.OnDemandOrigin) {
      throw invalid('A SAS locator cannot be updated: delete it and create another one.');
    }
    await this.#partitions.change(idOf('Asset', found.assetGuid), async () => {
      const row = await this.#partitions.table.get<LocatorProperties>(found.assetGuid, rowKeyOf(guid));
      if (row === undefined) throw notFound(`Locators('${id}')`);
      const { Name, StartTime, ExpirationDateTime } = row;
      const texts = { name: Name, startTime: StartTime, expirationDateTime: ExpirationDateTime, ...update };
      const changed = {
        partitionKey: row.partitionKey,
        rowKey: row.rowKey,
        Claim: row.Claim,
        Type: row.Type,
        AccessPolicyId: row.AccessPolicyId,
        Permissions: row.Permissions,
        Created: row.Created,
        ExpirationDateTime: texts.expirationDateTime,
        ...(typeof texts.name === 'string' && { Name: texts.name }),
        ...(texts.startTime instanceof Date && { StartTime: texts.startTime }),
      };
      return { actions: [['update', changed, 'Replace', { etag: row.etag }]], result: undefined };
    });
  }

  /** Deletes a locator; with the account key its SAS is refused from then on. */
  async delete(id: LocatorId): Promise<void> {
    const guid = guidOf(id);
    const found = await this.#rows.find(guid);
    if (found === undefined) throw notFound(`Locators('${id}')`);
    const assetId = idOf('Asset', found.assetGuid);
    if (found.row.Type === LocatorType.Sas) await this.#signer.revoke(containerOf(assetId), [guid]);
    await this.#rows.remove(assetId, guid, found.row.Claim);
    await this.#rows.release(guid, found.row.Claim);
  }

  /** For an asset whose deletion has begun: ends its SAS and frees its locators' ids. */
  async withdraw(assetId: AssetId): Promise<void> {
    const rows = await this.#rows.all(guidOf(assetId));
    const sas = rows.filter(({ Type }) => Type === LocatorType.Sas).map(guidOfRow);
    await this.#signer.revoke(containerOf(assetId), sas);
    for (const row of rows) {
      await this.#rows.release(guidOfRow(row), row.Claim);
    }
  }

  /** An origin locator by its guid alone; undefined when there is none, or it is a SAS locator. */
  async origin(guid: string): Promise<OriginLocator | undefined> {
    const found = await this.#rows.find(guid.toLowerCase());
    if (found?.row.Type !== LocatorType.OnDemandOrigin) return undefined;
    return {
      assetId: idOf('Asset', found.assetGuid),
      starts: found.row.StartTime,
      expires: found.row.ExpirationDateTime,
      primaryFile: found.primaryFile,
    };
  }

  /** The guids of up to `count` origin locators that fit, from an asset picked at random on. */
  async sampleOrigins(
    count: number,
    fits: (locator: Pick<OriginLocator, 'starts' | 'expires'>) => boolean,
  ): Promise<string[]> {
    const sampled = new Set<string>();
    const origins = scanRows(this.#partitions.table, locatorRows, (row: LocatorRow) => {
      const times = { starts: row.StartTime, expires: row.ExpirationDateTime };
      return row.Type === LocatorType.OnDemandOrigin && fits(times) ? guidOfRow(row) : undefined;
    });
    for (const after of [await this.#somewhere(), undefined]) {
      let looked = 0;
      for await (const batch of origins(after, sampleReads)) {
        for (const { value: guid } of batch) {
          // A scan sees rows of assets whose deletion has begun, too.
          if (guid !== undefined && (await this.origin(guid)) !== undefined) sampled.add(guid);
          if (sampled.size === count) return [...sampled];
        }
        looked += batch.length;
        if (looked >= sampleReads) break;
      }
    }
    return [...sampled];
  }

  /** Where a scan begins at an asset picked at random between the oldest and now. */
  async #somewhere(): Promise<string | undefined> {
    const oldest = await this.#partitions.oldest();
    if (oldest === undefined) return undefined;
    const since = timeOf(oldest);
    return `${timeOrderedGuid(since + Math.floor(Math.random() * (Date.now() - since)))}|`;
  }

  async #insertGranted(assetId: AssetId, guid: string, row: LocatorProperties): Promise<void> {
    const others = async (): Promise<string[]> => {
      const live = await this.#rows.of(guidOf(assetId));
      if (live.length >= locatorsPerAsset) throw tooMany(assetId);
      return live.map(guidOfRow);
    };
    try {
      await this.#signer.granting(grantOf(guidOf(assetId), guid, row), others, () =>
        this.#rows.insert(assetId, guid, row),
      );
    } catch (error) {
      if (statusOf(error) === 404) throw conflict(`The container of asset ${assetId} is missing.`);
      throw error;
    }
  }

  /** Path, base and component are made here, at each read; the signature is never stored. */
  async #locatorOf(assetGuid: string, guid: string, row: LocatorProperties): Promise<Locator> {
    const shared = {
      Id: idOf('Locator', guid),
      Name: orNull(row.Name),
      Type: row.Type,
      AccessPolicyId: row.AccessPolicyId as AccessPolicy['Id'],
      AssetId: idOf('Asset', assetGuid),
      StartTime: orNull(row.StartTime),
      ExpirationDateTime: row.ExpirationDateTime,
    };
    if (row.Type === LocatorType.Sas) {
      const grant = grantOf(assetGuid, guid, row);
      const BaseUri = this.#blobs.getContainerClient(grant.container).url;
      const ContentAccessComponent = `?${await this.#signer.sign(grant)}`;
      return { ...shared, Path: BaseUri + ContentAccessComponent, BaseUri, ContentAccessComponent };
    }
    const base = this.#streamingBase();
    return {
      ...shared,
      Path: `${base}${guid}/`,
      BaseUri: base.replace(/\/$/, ''),
      ContentAccessComponent: guid,
    };
  }
}
