import '../base/client/wasm-worker.ts';
