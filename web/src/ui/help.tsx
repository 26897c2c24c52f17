import { Dialog } from "./dialog.tsx";

const KEYS: [string, string][] = [
  ["Ctrl K", "Search"],
  ["C", "New task"],
  ["J, K", "Next, previous task"],
  ["Enter", "Open the task"],
  ["E", "Edit the task"],
  ["Shift ← →", "Move the task to the next column"],
  ["X", "Select the task of a list, to change several"],
  ["Shift ↑ ↓", "Select the next task of a list too"],
  ["Ctrl A, Esc", "Select all tasks of a list, or none"],
  ["D", "Complete or reopen the task of a list"],
  ["Space", "Play or pause a recording"],
  ["?", "This list"],
];

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="keys">
        {KEYS.map(([key, action]) => (
          <div key={key}><dt><kbd>{key}</kbd></dt><dd>{action}</dd></div>
        ))}
      </dl>
      <p>For programs: <a href="/api/v1/docs">REST API</a> · <a href="/api/grpc">gRPC API</a></p>
    </Dialog>
  );
}
