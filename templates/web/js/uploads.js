// Sends a file to the program, which reads it. By XMLHttpRequest: fetch tells nothing of how far an upload is.
import { ConnectionError, toApiError } from "./api.js";

/**
 * {done, abort()}: `done` gives what the program knows of the file; it rejects with ApiError, ConnectionError, or an
 * AbortError. onProgress(0 to 1) is called while the file is on its way; at 1 the program has it, and reads it.
 */
export function startUpload(content, name, onProgress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.upload.addEventListener("progress", ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0));
    request.upload.addEventListener("load", () => onProgress(1));
    request.addEventListener("load", () => {
      if (request.status === 201) resolve(request.response);
      else reject(toApiError(request.status, request.response));
    });
    request.addEventListener("error", () => reject(new ConnectionError()));
    request.addEventListener("abort", () => reject(new DOMException("The upload was given up.", "AbortError")));
  });
  request.open("POST", `llamapack/files?${new URLSearchParams({ name })}`);
  request.responseType = "json";
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.send(content);
  return { done, abort: () => request.abort() };
}
