// Small values kept by the browser; a browser that forbids storage only loses the convenience.

function area(name) {
  try {
    return window[name];
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
}

/** The parsed value under `key`, or null when there is none or it is not ours. */
export function read(areaName, key) {
  try {
    return JSON.parse(area(areaName)?.getItem(key) ?? "null");
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Whether the value could be stored; false when storage is full or forbidden. */
export function write(areaName, key, value) {
  try {
    const storage = area(areaName);
    storage?.setItem(key, JSON.stringify(value));
    return storage !== null;
  } catch (error) {
    if (error instanceof DOMException) return false;
    throw error;
  }
}
