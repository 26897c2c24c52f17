// The sound of a recording. The address has a ticket, because audio elements send no header; a new one is fetched when
// the old one has expired.
import { signal } from "@preact/signals";
import { withTicket } from "../api/lists.ts";

export class Player {
  readonly ms = signal(0);
  readonly isPlaying = signal(false);
  readonly problem = signal("");
  private readonly audio = new Audio();
  private opening: Promise<void> | null = null;
  private failures = 0;
  private frame = 0;

  constructor(private readonly meetingId: string) {
    this.audio.preload = "auto";
    this.audio.onplaying = () => {
      this.failures = 0;
      this.problem.value = "";
    };
    this.audio.onplay = () => {
      this.isPlaying.value = true;
      this.follow();
    };
    this.audio.onpause = () => (this.isPlaying.value = false);
    this.audio.onseeked = this.audio.ontimeupdate = () => (this.ms.value = this.audio.currentTime * 1000);
    this.audio.onerror = () => void this.openAgain();
  }

  /** Play from a time. */
  async play(ms = this.ms.value): Promise<void> {
    this.ms.value = ms;
    await this.open();
    this.audio.currentTime = ms / 1000;
    await this.audio.play().catch(() => undefined);
  }

  toggle(): void {
    if (this.isPlaying.value) this.audio.pause();
    else void this.play();
  }

  seek(ms: number): void {
    this.ms.value = ms;
    void this.open().then(() => (this.audio.currentTime = ms / 1000));
  }

  setRate(rate: number): void {
    this.audio.playbackRate = this.audio.defaultPlaybackRate = rate;
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
    this.audio.onerror = null;
    this.audio.pause();
    this.audio.removeAttribute("src");
    this.audio.load();
  }

  private open(): Promise<void> {
    this.opening ??= withTicket(`/api/v1/meetings/${this.meetingId}/recording`).then(
      (address) => void (this.audio.src = address),
      (cause: Error) => {
        this.opening = null;
        this.problem.value = cause.message;
      },
    );
    return this.opening;
  }

  private async openAgain(): Promise<void> {
    this.opening = null;
    if (++this.failures > 2) {
      this.isPlaying.value = false;
      this.problem.value = "The recording cannot be played: it was deleted, or this browser does not know its format.";
      return;
    }
    const { isPlaying, ms } = this;
    if (isPlaying.value) await this.play(ms.value);
  }

  /** Times between two events of the element, so that words are marked in time. */
  private follow(): void {
    this.frame = requestAnimationFrame(() => {
      this.ms.value = this.audio.currentTime * 1000;
      if (this.isPlaying.value) this.follow();
    });
  }
}
