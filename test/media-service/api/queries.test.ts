import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { at, startService, TestClient, type Json, type RunningService } from '../running-service.ts';

let running: RunningService;
let client: TestClient;
const made: Json[] = [];

beforeAll(async () => {
  running = await startService();
  client = await TestClient.create(running);
  for (const [name, alternateId] of [
    ['cherry', 'fruit-3'],
    ['apple', 'fruit-1'],
    ["O'Hara", 'person'],
    ['Banana', 'fruit-2'],
    ['apple', null],
  ]) {
    made.push(await client.make('Assets', { Name: name, AlternateId: alternateId }));
  }
});
afterAll(() => running.close());

const names = async (query: string): Promise<unknown[]> =>
  (await client.list(`Assets${query}`)).map((asset) => asset['Name']);

describe('$filter', () => {
  test.each([
    ["Name eq 'apple'", ['apple', 'apple']],
    ["Name eq 'O''Hara'", ["O'Hara"]],
    ["AlternateId eq 'fruit-2'", ['Banana']],
    ["Name eq 'apple' and AlternateId eq 'fruit-1'", ['apple']],
    ["Name eq 'apple' and AlternateId eq null", ['apple']],
    ["AlternateId eq 'fruit-1' and Name eq 'cherry'", []],
    ["Name eq 'apple' or Name eq 'cherry'", ['cherry', 'apple', 'apple']],
    ["not (Name eq 'apple')", ['cherry', "O'Hara", 'Banana']],
    ["startswith(AlternateId, 'fruit-') and Name ne 'apple'", ['cherry', 'Banana']],
    ["startswith(AlternateId,'fruit') eq true and endswith(Name,'a')", ['Banana']],
    ["substringof('an', Name)", ['Banana']],
    ["tolower(Name) eq 'banana'", ['Banana']],
    ['length(Name) gt 5', ['cherry', "O'Hara", 'Banana']],
    ["Created gt datetime'2020-01-01T00:00:00' and State eq 0 and Name lt 'P'", ["O'Hara", 'Banana']],
    ["(State eq 1 or Options ne 0) and Name eq 'apple'", []],
    ['AlternateId eq null', ['apple']],
  ])('%s', async (filter, expected) => {
    expect(await names(`?$filter=${encodeURIComponent(filter)}`)).toEqual(expected);
  });

  test('by id, as clients that page by hand do', async () => {
    expect(await names(`?$filter=Id eq '${String(made[3]!['Id'])}'`)).toEqual(['Banana']);
    expect(await names("?$filter=Id eq 'nb:cid:UUID:00000000-0000-4000-8000-000000000000'")).toEqual([]);
  });

  test.each([
    "Colour eq 'red'",
    "Name eq 'open",
    "Name eq 'a' and",
    "(Name eq 'a'",
    "explode(Name) eq 'a'",
    'startswith(Name)',
    "Name eq 'a' Name",
    '('.repeat(500),
    "datetime'yesterday' lt Created",
  ])('%s is refused', async (filter) => {
    expect((await client.get(`Assets?$filter=${encodeURIComponent(filter)}`)).status).toBe(400);
  });
});

describe('order and part', () => {
  test('without $orderby the order is that of creation', async () => {
    expect(await names('')).toEqual(['cherry', 'apple', "O'Hara", 'Banana', 'apple']);
  });

  test('$orderby, also by several and downwards', async () => {
    expect(await names('?$orderby=Name')).toEqual(['Banana', "O'Hara", 'apple', 'apple', 'cherry']);
    expect(await names('?$orderby=Created desc&$top=2')).toEqual(['apple', 'Banana']);
    const both = await client.list('Assets?$orderby=Name desc,AlternateId asc&$top=3');
    expect(both.map((asset) => asset['AlternateId'])).toEqual(['fruit-3', null, 'fruit-1']);
    expect((await client.get('Assets?$orderby=Colour')).status).toBe(400);
  });

  test('$top and $skip, with and without order and filter', async () => {
    expect(await names('?$top=2')).toEqual(['cherry', 'apple']);
    expect(await names('?$skip=3')).toEqual(['Banana', 'apple']);
    expect(await names('?$skip=1&$top=2')).toEqual(['apple', "O'Hara"]);
    expect(await names('?$orderby=Name&$skip=2&$top=2')).toEqual(['apple', 'apple']);
    expect(await names("?$filter=Name eq 'apple'&$skip=1")).toEqual(['apple']);
    expect(await names('?$top=0')).toEqual([]);
    expect(await names('?$skip=9')).toEqual([]);
    for (const wrong of ['$top=-1', '$top=x', '$skip=1.5', '$expand=Files', '$skiptoken=AAAA']) {
      expect((await client.get(`Assets?${wrong}`)).status).toBe(400);
    }
  });

  test('$select leaves the rest out, in both forms', async () => {
    const [asset] = await client.list('Assets?$select=Name,Id&$top=1');
    expect(Object.keys(asset!).sort()).toEqual(['Id', 'Name']);
    const verbose = client.with({ Accept: 'application/json;odata=verbose' });
    const answer = await verbose.get(`${at('Assets', made[0]!['Id'])}?$select=Name,Files`);
    expect(Object.keys(answer.json['d'] as Json)).toEqual(['__metadata', 'Files', 'Name']);
    expect((await client.get('Assets?$select=Colour')).status).toBe(400);
  });

  test('$inlinecount and $count', async () => {
    const answer = await client.get("Assets?$inlinecount=allpages&$top=1&$filter=Name eq 'apple'");
    expect(answer.json).toMatchObject({ 'odata.count': '2', value: [{ Name: 'apple' }] });
    const verbose = await client
      .with({ Accept: 'application/json;odata=verbose' })
      .get('Assets?$inlinecount=allpages&$top=1');
    expect(verbose.json).toMatchObject({ d: { __count: '5', results: [{}] } });
    expect((await client.get('Assets/$count')).text).toBe('5');
    expect((await client.get('Assets?$inlinecount=some')).status).toBe(400);
  });
});

test('files and locators are found through their asset and by filter', async () => {
  const asset = made[0]!;
  for (const name of ['b.mp4', 'a.mp4']) {
    await client.make('Files', { Name: name, ParentAssetId: asset['Id'] });
  }
  await client.make('Files', { Name: 'c.mp4', ParentAssetId: made[1]!['Id'] });
  const policy = await client.make('AccessPolicies', { Name: 'r', DurationInMinutes: 9, Permissions: 1 });
  for (const type of [1, 2]) {
    await client.make('Locators', {
      AssetId: asset['Id'],
      AccessPolicyId: policy['Id'],
      Type: type,
    });
  }
  const id = String(asset['Id']);
  const byParent = await client.list(`Files?$filter=ParentAssetId eq '${id}'&$orderby=Name`);
  expect(byParent.map((file) => file['Name'])).toEqual(['a.mp4', 'b.mp4']);
  const all = await client.list('Files?$orderby=Name');
  expect(all.map((file) => file['Name'])).toEqual(['a.mp4', 'b.mp4', 'c.mp4']);
  expect(await client.list(`${at('Assets', id)}/Files?$filter=Name eq 'a.mp4'`)).toHaveLength(1);
  expect((await client.get(`${at('Assets', id)}/Files/$count`)).text).toBe('2');
  for (const path of [
    `Locators?$filter=AssetId eq '${id}' and Type eq 1`,
    'Locators?$filter=Type eq 1',
    `${at('Assets', id)}/Locators?$filter=Type eq 1`,
  ]) {
    expect(await client.list(path)).toMatchObject([{ AssetId: id, Type: 1 }]);
  }
});
