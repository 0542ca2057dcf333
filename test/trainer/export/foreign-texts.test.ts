import { describe, expect, it } from "vitest";
import { someRecords } from "../../../trainer/data/raw-record.ts";
import { foreignTexts } from "../../../trainer/export/foreign-texts.ts";
import { openLog, testFolder, writerInto } from "../data/log-files.ts";

const path = writerInto(testFolder("foreign-texts"))("log.csv", "label,id,tags\n1,Ann,a b\n0,Bob,c\n");

describe("texts that data.select made and the log does not hold", () => {
  const warning = (field: string, text: string): string =>
    `the blob's golden records show "${text}", which data.select.${field} made and ${path} does not hold`;
  it.each<[string, object, string[]]>([
    ["a text of the spec's own", { id: "'from elsewhere'" }, [warning("id", "from elsewhere")]],
    ["a text of the database's", { id: "version()" }, [expect.stringContaining("data.select.id made") as string]],
    ["one in a list", { id: "[id, 'x' || id]" }, [warning("id", "xAnn")]],
    ["parts of cells", { id: "string_split(tags, ' ')" }, []],
    ["a cell in another case", { id: "lower(id)" }, []],
    ["numbers", { id: "len(tags) * 1000" }, []],
    ["nothing computed", {}, []],
  ])("%s", async (_, select, expected) => {
    await using log = await openLog(path, { select });
    const records = await someRecords(log, ["id"], 2);
    expect(await foreignTexts(log, records)).toEqual(expected);
  });
});
