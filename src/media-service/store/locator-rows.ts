import {
  containerOf,
  idOf,
  LocatorType,
  Permissions,
  type AccessPolicy,
  type AssetId,
  type LocatorId,
} from '../model.ts';
import { conflict, invalid } from './errors.ts';
import type { ContainerGrant } from './sas-signer.ts';
import { startingWith, type Stored } from './table.ts';

/** A row `locator:{guid}` of an asset's partition. */
export interface LocatorProperties {
  /** The claim on the locator's id under which this row was written. */
  readonly Claim: string;
  readonly Name?: string;
  readonly Type: LocatorType;
  readonly AccessPolicyId: string;
  readonly Permissions: number;
  readonly StartTime?: Date;
  readonly ExpirationDateTime: Date;
  readonly Created: Date;
}

export type LocatorRow = Stored<LocatorProperties>;

export interface NewLocator {
  readonly id?: LocatorId;
  readonly name?: string | null;
  readonly type: number;
  readonly accessPolicy: AccessPolicy;
  readonly assetId: AssetId;
  readonly startTime?: Date | null;
}

/** A container holds five stored access policies, so an asset has five locators at most (reference: Locator). */
export const locatorsPerAsset = 5;
export const locatorRows = startingWith('locator:');

export function checkType({ type, accessPolicy }: NewLocator): LocatorType {
  if (type !== LocatorType.Sas && type !== LocatorType.OnDemandOrigin) {
    throw invalid('Type must be 1 (SAS) or 2 (OnDemandOrigin).');
  }
  const { Permissions: given } = accessPolicy;
  if (given === Permissions.None) throw invalid('The access policy gives no permission.');
  if (type === LocatorType.OnDemandOrigin && (given & (Permissions.Write | Permissions.Delete)) !== 0) {
    throw invalid('An origin locator cannot have Write or Delete permission.');
  }
  return type;
}

export function grantOf(assetGuid: string, guid: string, row: LocatorProperties): ContainerGrant {
  return {
    container: containerOf(idOf('Asset', assetGuid)),
    id: guid,
    permissions: row.Permissions,
    startsOn: row.StartTime,
    expiresOn: row.ExpirationDateTime,
  };
}

const latestTime = Date.UTC(9999, 11, 31);

export function laterBy(time: Date, minutes: number): Date {
  return new Date(Math.min(time.getTime() + minutes * 60_000, latestTime));
}

export const rowKeyOf = (guid: string): string => `${locatorRows.from}${guid}`;
export const guidOfRow = (row: LocatorRow): string => row.rowKey.slice(locatorRows.from.length);
export const tooMany = (assetId: AssetId): Error =>
  conflict(`Asset ${assetId} has ${locatorsPerAsset} locators, the most an asset can have.`);
