// Small files for the operations that take one.

const MAKERS = {
  MeetingService_UploadRecording: () => new File([silence(16_000)], "sample.wav", { type: "audio/wav" }),
  DrawingService_UploadDocument: () => new File([drawing()], "sample.pdf", { type: "application/pdf" }),
  DrawingService_RecognizeImage: picture,
};

/** Return the file that an operation is tried with. */
export async function sampleOf(operationId) {
  return (MAKERS[operationId] ?? MAKERS.MeetingService_UploadRecording)();
}

/** Return so many samples of silence as a WAV file of 16 kHz. */
function silence(count) {
  const view = new DataView(new ArrayBuffer(44 + 2 * count));
  const text = (at, letters) => [...letters].forEach((letter, index) => view.setUint8(at + index, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * count, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, 16_000, true);
  view.setUint32(28, 32_000, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * count, true);
  return view.buffer;
}

/** Return a PDF of one page with a word and a line. A project keeps the same file once, so each has its own comment. */
function drawing() {
  const content = "BT /F1 12 Tf 20 100 Td (-K1) Tj ET 20 90 m 180 90 l S";
  const objects = [
    "<</Type/Catalog/Pages 2 0 R>>",
    "<</Type/Pages/Kids[3 0 R]/Count 1>>",
    "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
    `<</Length ${content.length}>>stream\n${content}\nendstream`,
    "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
  ];
  let text = "%PDF-1.4\n";
  const offsets = objects.map((object, index) => {
    const at = text.length;
    text += `${index + 1} 0 obj${object}endobj\n`;
    return at;
  });
  const table = offsets.map((at) => `${String(at).padStart(10, "0")} 00000 n \n`).join("");
  const start = text.length;
  return `${text}xref\n0 6\n0000000000 65535 f \n${table}trailer<</Size 6/Root 1 0 R>>\nstartxref\n${start}\n%%EOF\n% ${Date.now()} ${Math.random()}\n`;
}

async function picture() {
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, 64, 64);
  context.strokeRect(16.5, 16.5, 32, 32);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  return new File([blob], "sample.png", { type: "image/png" });
}
