/** What rooms use of the store. Project files are loaded on demand: `import('./store/transfer.ts')`. */

export { type Change, changes, type Elsewhere, type Held, holdProject } from './locks.ts';
export { ModelStore, type NewModel, type NewTraining, type TrainingChange } from './models.ts';
export { askPersistence, type Quota, quota } from './quota.ts';
export {
  type AddedPictures,
  type ClosedReason,
  type NewPicture,
  type NewProject,
  openStore,
  type PictureChange,
  Store,
  StoreError,
  type StoreFault,
} from './store.ts';
