import type { LateMembers } from "../http/body.ts";
import type { ReadRequest } from "./answer.ts";
import { ScoreBody } from "./bodies.ts";

export const RECORDS: LateMembers = { lists: ["records"] };

export const readScore: ReadRequest = (body, ...rest) => body.read(RECORDS, ScoreBody, ...rest);
