// Finished attempts of this device, kept until the server has acknowledged each. The server takes one id once, so sending
// again is harmless. What is kept holds personal data: it is erased the moment it is acknowledged or discarded.

const NAME = "workbench.counter";
const STORE = "captures";

function opened() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function act(mode, what) {
  const database = await opened();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = what(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

/**
 * Keep an attempt; resolves when it is on disk.
 * @param {{id: string, staff: string, url: string, number: string, name: string, fields: [string, string | Blob][]}} capture
 */
export const keep = (capture) => act("readwrite", (store) => store.put({ ...capture, at: Date.now(), refused: "" }));

/** All that is kept, oldest first. */
export const kept = async () => (await act("readonly", (store) => store.getAll())).sort((a, b) => a.at - b.at);

/** Forget an attempt. */
export const drop = (id) => act("readwrite", (store) => store.delete(id));

/** Note that the server refused an attempt, and why: it is not sent again by itself. */
export const refuse = (capture, why) => act("readwrite", (store) => store.put({ ...capture, refused: why }));
