import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { strings } from '../../strings.ts';

const texts = strings.camera;

/** Why there are no pictures of a camera, in words. */
function whyNot(error: unknown): string {
  const { name, message } = error as Error;
  if (name === 'NotAllowedError' || name === 'SecurityError') return texts.denied;
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return texts.missing;
  if (name === 'NotReadableError' || name === 'AbortError') return texts.busy;
  return texts.other(message || name);
}

/** Opens a camera; of several the chosen one, else the one that looks away from the visitor. */
async function openCamera(id: string): Promise<MediaStream> {
  // Pages without a secure connection have no cameras.
  if (!navigator.mediaDevices?.getUserMedia) throw new Error(texts.insecure);
  const size = { width: { ideal: 1920 }, height: { ideal: 1080 } };
  const which = id === '' ? { facingMode: { ideal: 'environment' } } : { deviceId: { exact: id } };
  return navigator.mediaDevices.getUserMedia({ video: { ...size, ...which } });
}

const two = (value: number): string => String(value).padStart(2, '0');
/** The name of a shot: `camera 2026-11-30 16.07.42.315.jpg`. */
function nameAt(time: Date): string {
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join('.');
  return `camera ${day} ${clock}.${String(time.getMilliseconds()).padStart(3, '0')}.jpg`;
}

async function shotOf(video: HTMLVideoElement): Promise<File> {
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext('2d')!.drawImage(video, 0, 0);
  const content = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.95 });
  return new File([content], nameAt(new Date()), { type: content.type });
}

interface CameraProps {
  /** A shot is on its way to the store: the next one waits. */
  readonly busy: boolean;
  onShot(shot: File): Promise<void>;
  onClose(): void;
}

/** A camera in a dialog, from which pictures are taken. It is asked for, and on, as long as this is shown. */
export function Camera({ busy, onShot, onClose }: CameraProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  /** `live` once there is something to see. */
  const state = useSignal<'asking' | 'live' | 'failed'>('asking');
  const why = useSignal('');
  const cameras = useSignal<readonly MediaDeviceInfo[]>([]);
  const chosen = useSignal('');
  const shots = useSignal(0);

  useEffect(() => dialog.current?.showModal(), []);
  useEffect(() => {
    let left = false;
    let stream: MediaStream | undefined;
    const stop = () => {
      for (const track of stream?.getTracks() ?? []) track.stop();
    };
    const fail = (error: unknown) => {
      if (left) return;
      state.value = 'failed';
      why.value = whyNot(error);
    };
    const start = async () => {
      state.value = 'asking';
      stream = await openCamera(chosen.value);
      if (left) return stop();
      for (const track of stream.getTracks())
        track.addEventListener('ended', () => fail(new Error(texts.ended)));
      const own = video.current!;
      own.srcObject = stream;
      await own.play();
      if (left) return;
      state.value = 'live';
      // Cameras have names once one is allowed.
      const all = await navigator.mediaDevices.enumerateDevices();
      cameras.value = all.filter(({ kind, deviceId }) => kind === 'videoinput' && deviceId !== '');
    };
    start().catch(fail);
    return () => {
      left = true;
      stop();
    };
  }, [chosen.value]);

  const shoot = async () => {
    await onShot(await shotOf(video.current!));
    shots.value += 1;
  };
  return (
    <dialog ref={dialog} class="camera" aria-labelledby="camera" onClose={onClose}>
      <h2 id="camera">{texts.title}</h2>
      {state.value === 'failed' ? (
        <p role="alert">{why.value}</p>
      ) : (
        <video ref={video} muted playsInline aria-label={texts.picture} />
      )}
      <div class="bar">
        <button
          type="button"
          class="primary"
          disabled={state.value !== 'live' || busy}
          onClick={() => void shoot()}
        >
          {texts.shoot}
        </button>
        {cameras.value.length > 1 && (
          <label class="choice">
            {texts.which}{' '}
            <select
              value={chosen.value}
              onChange={({ currentTarget }) => {
                chosen.value = currentTarget.value;
              }}
            >
              <option value="">{texts.any}</option>
              {cameras.value.map(({ deviceId, label }) => (
                <option key={deviceId} value={deviceId}>
                  {label}
                </option>
              ))}
            </select>
          </label>
        )}
        <button type="button" onClick={() => dialog.current?.close()}>
          {strings.close}
        </button>
        <span class="soft" role="status">
          {state.value === 'asking' ? texts.asking : texts.shots(shots.value)}
        </span>
      </div>
    </dialog>
  );
}
