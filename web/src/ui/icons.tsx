const PATHS = {
  tandem: "M6 17a4 4 0 1 0 .1 0M18 17a4 4 0 1 0 .1 0M6 17l4-9h4l4 9M9 11h7",
  today: "M5 5h14v15H5zM5 9h14M9 3v4M15 3v4M9 14l2 2 4-4",
  tasks: "M5 5v14M12 5v9M19 5v12M3 5h4M10 5h4M17 5h4",
  projects: "M4 6h6l2 2h8v11H4z",
  meetings: "M12 4a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V7a3 3 0 0 1 3-3M6 11a6 6 0 0 0 12 0M12 17v4",
  me: "M12 4a4 4 0 1 1-.1 0M4 21c1-5 4-7 8-7s7 2 8 7",
  search: "M10 4a6 6 0 1 1-.1 0M15 15l6 6",
  add: "M12 5v14M5 12h14",
  help: "M12 3a9 9 0 1 1-.1 0M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7M12 16.5v.5",
  play: "M7 5l12 7-12 7z",
};

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d={PATHS[name]} /></svg>;
}
