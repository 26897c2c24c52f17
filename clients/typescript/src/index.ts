// The client of Tandem's REST API. `schema.d.ts` is generated from docs/openapi.json by `npm run types`.

export { createTandemClient, type TandemClient, type Options } from "./client.ts";
export { openEvents, type ServerEvent } from "./events.ts";
export { Problem, problemOf, unwrap, type FieldError } from "./problem.ts";
export type { components, operations, paths } from "./schema.d.ts";

import type { components } from "./schema.d.ts";

type Schemas = components["schemas"];
export type Task = Schemas["taskservice.Task"];
export type TaskStatus = Schemas["taskservice.TaskStatus"];
export type Priority = Schemas["taskservice.Priority"];
export type Project = Schemas["project.v1.Project"];
export type ProjectMember = Schemas["project.v1.ProjectMember"];
export type User = Schemas["user.v1.User"];
export type Meeting = Schemas["meeting.v1.Meeting"];
export type Segment = Schemas["meeting.v1.Segment"];
export type Speaker = Schemas["meeting.v1.Speaker"];
export type Summary = Schemas["meeting.v1.Summary"];
export type Statement = Schemas["meeting.v1.Statement"];
export type ActionItem = Schemas["meeting.v1.ActionItem"];
export type MeetingEvent = Schemas["meeting.v1.WatchMeetingResponse"];
export type Document = Schemas["drawing.v1.Document"];
export type DrawingPage = Schemas["drawing.v1.Page"];
export type Component = Schemas["drawing.v1.Component"];
export type DrawingSymbol = Schemas["drawing.v1.Symbol"];
export type Change = Schemas["change.v1.Change"];
export type HistoryEntry = Schemas["change.v1.HistoryEntry"];
export type FieldChange = Schemas["change.v1.FieldChange"];
export type Session = Schemas["auth.v1.Session"];
export type ApiKey = Schemas["auth.v1.ApiKey"];
export type Preferences = Schemas["user.v1.UserPreferences"];
export type TokenPair = Schemas["auth.v1.TokenPair"];
