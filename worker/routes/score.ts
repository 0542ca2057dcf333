import type { ReadRequest } from "./answer.ts";
import { ScoreBody } from "./bodies.ts";

export const readScore: ReadRequest = (body, ...rest) => body.read(["records"], ScoreBody, ...rest);
