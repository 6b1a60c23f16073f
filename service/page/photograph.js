// The visitor's photograph.

const UNNAMED = "photograph.png"; // what is pasted has no name of its own in some browsers

export class Photograph {
  fits = null; // pixels of the longer side, once the service has said which

  static async open(file) {
    const image = new Image();
    image.src = URL.createObjectURL(file);
    // The service reads formats that not every browser does, such as TIFF.
    const visible = await image.decode().then(() => true, () => false);
    return new Photograph(file, image, visible);
  }

  constructor(file, image, visible) {
    this.file = file;
    this.name = file.name || UNNAMED;
    this.url = image.src;
    this.visible = visible;
    this.width = visible ? image.naturalWidth : NaN;
    this.height = visible ? image.naturalHeight : NaN;
  }

  /** Infinity if it is not known. */
  get longerSide() {
    return this.visible ? Math.max(this.width, this.height) : Infinity;
  }

  close() {
    URL.revokeObjectURL(this.url);
  }
}
