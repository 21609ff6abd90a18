import type { AccessPolicy, Locator } from '../model.ts';
import type { Store } from '../store/store.ts';
import { badRequest } from './api-error.ts';
import { optionalNumber, optionalText, optionalTime, readEntity, textOf } from './entity-body.ts';
import { byId, demanded, idIn, idInBody, missing, type EntitySet } from './entity-set.ts';
import { accessPolicyType, assetType, locatorType } from './entity-types.ts';

export function accessPolicySet({ policies }: Store): EntitySet {
  const get = (key: string): Promise<AccessPolicy | undefined> => policies.get(idIn('AccessPolicy', key));
  return {
    type: accessPolicyType,
    get,
    async scan(demands) {
      const name = demanded(demands, 'Name');
      return (await byId(demands, get)) ?? policies.scan(name === undefined ? {} : { name });
    },
    create(body) {
      const values = readEntity(accessPolicyType, body, 'create');
      return policies.create({
        name: textOf(values, 'Name'),
        durationInMinutes: optionalNumber(values, 'DurationInMinutes') ?? 0,
        permissions: optionalNumber(values, 'Permissions') ?? 0,
      });
    },
    remove: (key) => policies.delete(idIn('AccessPolicy', key)),
  };
}

export function locatorSet({ locators, policies, assets }: Store): EntitySet {
  const get = (key: string): Promise<Locator | undefined> => locators.get(idIn('Locator', key));
  const existing = async (key: string): Promise<Locator> => {
    const locator = await get(key);
    if (locator === undefined) throw missing('Locators', key);
    return locator;
  };
  return {
    type: locatorType,
    get,
    async scan(demands) {
      const single = await byId(demands, get);
      if (single !== undefined) return single;
      const asset = demanded(demands, 'AssetId');
      return locators.scan(asset === undefined ? undefined : idIn('Asset', asset));
    },
    async create(body) {
      const values = readEntity(locatorType, body, 'create');
      const policyId = idInBody('AccessPolicy', 'AccessPolicyId', textOf(values, 'AccessPolicyId'));
      const accessPolicy = await policies.get(policyId);
      if (accessPolicy === undefined) throw missing('AccessPolicies', policyId);
      const id = optionalText(values, 'Id');
      const name = optionalText(values, 'Name');
      const startTime = optionalTime(values, 'StartTime');
      return locators.create({
        ...(typeof id === 'string' && id !== '' && { id: idInBody('Locator', 'Id', id) }),
        ...(name !== undefined && { name }),
        ...(startTime !== undefined && { startTime }),
        type: optionalNumber(values, 'Type') ?? 0,
        accessPolicy,
        assetId: idInBody('Asset', 'AssetId', textOf(values, 'AssetId')),
      });
    },
    async update(key, body, purpose) {
      const locator = await existing(key);
      const values = readEntity(locatorType, body, purpose, { ...locator });
      const name = optionalText(values, 'Name');
      const startTime = optionalTime(values, 'StartTime');
      const expires = optionalTime(values, 'ExpirationDateTime');
      if (expires === null && purpose === 'merge') {
        throw badRequest('ExpirationDateTime must be a time.');
      }
      await locators.update(locator.Id, {
        ...(name !== undefined && { name }),
        ...(startTime !== undefined && { startTime }),
        ...(expires instanceof Date && { expirationDateTime: expires }),
      });
    },
    remove: (key) => locators.delete(idIn('Locator', key)),
    navigation: {
      async AccessPolicy(key) {
        const { AccessPolicyId } = await existing(key);
        const entity = await policies.get(AccessPolicyId);
        if (entity === undefined) throw missing('AccessPolicies', AccessPolicyId);
        return { kind: 'one', type: accessPolicyType, entity };
      },
      async Asset(key) {
        const { AssetId } = await existing(key);
        const entity = await assets.get(AssetId);
        if (entity === undefined) throw missing('Assets', AssetId);
        return { kind: 'one', type: assetType, entity };
      },
    },
  };
}
