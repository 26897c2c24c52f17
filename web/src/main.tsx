import { render } from "preact";
import { App } from "./app.tsx";
import { start } from "./api/session.ts";
import { startRouter } from "./router.ts";
import "./style.css";

startRouter();
void start();
render(<App />, document.getElementById("app")!);
