import { guidOf, idOf, type AccessPolicy, type AccessPolicyId } from '../model.ts';
import { invalid, notFound } from './errors.ts';
import { timeOrderedGuid } from './guids.ts';
import { valuePartition, type Index } from './index-rows.ts';
import { scanRows, type Scan } from './scan.ts';
import { startingWith, type Stored, type Table } from './table.ts';

interface PolicyProperties {
  readonly Name: string;
  readonly DurationInMinutes: { type: 'Double'; value: number };
  readonly Permissions: number;
  readonly Created: Date;
}

/** As read back: the Table service answers a Double as a plain number. */
type StoredPolicy = Omit<PolicyProperties, 'DurationInMinutes'> & { readonly DurationInMinutes: number };

const rowKey = 'policy';
const allPermissions = 15;

export class AccessPolicies {
  readonly #table: Table;
  readonly #index: Index;

  constructor(table: Table, index: Index) {
    this.#table = table;
    this.#index = index;
  }

  async create(policy: {
    readonly name: string;
    readonly durationInMinutes: number;
    readonly permissions: number;
  }): Promise<AccessPolicy> {
    const { name, durationInMinutes, permissions } = policy;
    if (name === '') throw invalid('Name must not be empty.');
    if (!(durationInMinutes > 0)) throw invalid('DurationInMinutes must be greater than 0.');
    if (permissions < 0 || permissions > allPermissions) {
      throw invalid(`Permissions must be a sum of 1 (Read), 2 (Write), 4 (Delete) and 8 (List).`);
    }
    const created = new Date();
    const guid = timeOrderedGuid(created.getTime());
    await this.#index.write([namePartition(name)], guid);
    await this.#table.upsert<PolicyProperties>({
      partitionKey: guid,
      rowKey,
      Name: name,
      DurationInMinutes: { type: 'Double', value: durationInMinutes },
      Permissions: permissions,
      Created: created,
    });
    return policyOf(guid, {
      Name: name,
      DurationInMinutes: durationInMinutes,
      Permissions: permissions,
      Created: created,
    });
  }

  async get(id: AccessPolicyId): Promise<AccessPolicy | undefined> {
    return this.#read(guidOf(id));
  }

  /** Policies in the order of their creation: all, or those with a name. */
  scan(by: { readonly name?: string }): Scan<AccessPolicy> {
    const { name } = by;
    if (name === undefined) {
      return scanRows(this.#table, startingWith(rowKey), (row: Stored<StoredPolicy>) =>
        policyOf(row.partitionKey, row),
      );
    }
    return this.#index.scan(namePartition(name), async (guid) => {
      const policy = await this.#read(guid);
      return policy?.Name === name ? policy : undefined;
    });
  }

  /** Deletes a policy; locators made with it keep what it gave them. */
  async delete(id: AccessPolicyId): Promise<void> {
    const row = await this.#table.get<StoredPolicy>(guidOf(id), rowKey);
    if (row === undefined || !(await this.#table.delete(row))) throw notFound(`AccessPolicies('${id}')`);
    await this.#index.drop([namePartition(row.Name)], guidOf(id));
  }

  async #read(guid: string): Promise<AccessPolicy | undefined> {
    const row = await this.#table.get<StoredPolicy>(guid, rowKey);
    return row === undefined ? undefined : policyOf(guid, row);
  }
}

const namePartition = (name: string): string => valuePartition('policy', 'Name', name);

function policyOf(guid: string, row: StoredPolicy): AccessPolicy {
  return {
    Id: idOf('AccessPolicy', guid),
    Created: row.Created,
    LastModified: row.Created,
    Name: row.Name,
    DurationInMinutes: row.DurationInMinutes,
    Permissions: row.Permissions,
  };
}
