/** `npm run bench:micro`: what single calls cost, by mitata, beside what programs use today. */
import { bench, do_not_optimize, group, run, summary } from "mitata";
import { Heap } from "../../dist/index.js";

const heap = Heap.create();
const ptrs = new Int32Array(256);

for (const size of [64, 1024, 16384]) {
  group(`${size} B`, () => {
    summary(() => {
      bench("malloc, free", () => {
        heap.free(heap.malloc(size));
      });
      bench("tryMalloc, free", () => {
        heap.free(heap.tryMalloc(size));
      });
      bench("calloc, free", () => {
        heap.free(heap.calloc(size));
      });
      bench("malloc, bytes, free", () => {
        const ptr = heap.malloc(size);
        do_not_optimize(heap.bytes(ptr));
        heap.free(ptr);
      });
      bench("Buffer.allocUnsafe", () => do_not_optimize(Buffer.allocUnsafe(size)));
      bench("new Uint8Array", () => do_not_optimize(new Uint8Array(size)));
    });
  });
}

group("others", () => {
  bench("mallocBatch and freeBatch, 256 of 64 B", () => {
    heap.mallocBatch(64, 256, ptrs);
    heap.freeBatch(ptrs, 256);
  });
  bench("realloc 64 to 128 B and back", () => {
    heap.free(heap.realloc(heap.realloc(heap.malloc(64), 128), 16));
  });
  bench("a span of 256 KiB", () => {
    heap.free(heap.malloc(262144));
  });
  const ptr = heap.malloc(64);
  bench("usableSize", () => do_not_optimize(heap.usableSize(ptr)));
  bench("classify", () => do_not_optimize(heap.classify(ptr)));
  bench("Heap.create, 256 MiB", () => do_not_optimize(Heap.create()));
});

await run();
